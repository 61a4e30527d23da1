-- Every contact, as it stands now.
select
    id as contact_id,
    email,
    salutation,
    first_name,
    last_name,
    status,
    owner as owner_id,
    bot as bot_id,
    form as form_id,
    company,
    job_title,
    company_size,
    employees,
    phone,
    mobile_phone,
    street_address,
    city,
    post_code,
    state,
    country,
    timezone,
    has_consent,
    coalesce(terms_of_service, terms_of_sevice) as terms_of_service, -- Whether the contact has accepted the terms of service, whichever way OnceHub spells the field.
    creation_time,
    last_updated_time,
    last_interacted_time
from {{ stream('contacts') }} as contacts
where _sdc_deleted_at is null
